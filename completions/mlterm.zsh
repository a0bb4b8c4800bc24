#compdef mlterm
# Completion of mlterm for zsh.
#
# Copy it as "_mlterm" to a folder of $fpath, or source it after compinit.
# mlterm itself names the candidates.

_mlterm() {
    local -a plain described response
    local kind value help
    local -i dashes

    # What follows "--" is a command of its own, with its own completion.
    if [[ $words[2] == run ]]; then
        dashes=${words[(i)--]}
        if (( dashes < CURRENT )); then
            shift $dashes words
            (( CURRENT -= dashes ))
            _normal
            return
        fi
    fi

    # Three lines a candidate: its kind, its value, its description or "_".
    response=("${(@f)$(
        COMP_WORDS="${(pj:\n:)words[1,CURRENT]}" COMP_CWORD=$(( CURRENT - 1 )) \
            _MLTERM_COMPLETE=zsh_complete $words[1] 2>/dev/null
    )}")
    [[ $words[CURRENT] == --*=* ]] && compset -P '*='
    for kind value help in "${response[@]}"; do
        case $kind in
            plain)
                if [[ $help == _ ]]; then
                    plain+=("$value")
                else
                    described+=("$value:$help")
                fi
                ;;
            dir) _path_files -/ ;;
            file) _path_files ;;
        esac
    done
    (( $#described )) && _describe -V mlterm described
    (( $#plain )) && compadd -V mlterm -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _mlterm "$@"
else
    compdef _mlterm mlterm
fi
