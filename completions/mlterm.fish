# Completion of mlterm for fish.
#
# Copy it to ~/.config/fish/completions/. mlterm itself names the candidates.

function __mlterm_complete
    set -l words (commandline -opc)
    set -l line (commandline -cp | string collect)
    set -l token (commandline -ct)

    # What follows "--" is a command of its own, with its own completion.
    if test "$words[2]" = run; and contains -- -- $words
        complete -C (string replace -r '^.*?\s--\s+' '' -- $line | string collect --allow-empty)[1]
        return
    end

    # The value in --option=value is completed with what stands before it.
    set -l option (string match -r -- '^--[^=]+=' "$token")

    # A candidate a line: its kind, a comma, its value, a tab and its description.
    for candidate in (env _MLTERM_COMPLETE=fish_complete COMP_WORDS="$line" COMP_CWORD="$token" \
            $words[1] 2>/dev/null)
        set -l parts (string split -m 1 , -- $candidate)
        switch $parts[1]
            case plain
                echo -- "$option$parts[2]"
            case dir
                __fish_complete_directories "$token"
            case file
                __fish_complete_path "$token"
        end
    end
end

complete --command mlterm --no-files --arguments '(__mlterm_complete)'
