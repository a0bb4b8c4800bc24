# Completion of mlterm for bash, 4.4 or newer.
#
# Source it from ~/.bashrc, or copy it as "mlterm" to
# ~/.local/share/bash-completion/completions/. mlterm itself names the candidates.

_mlterm() {
    local -a words=()
    local rest=$COMP_LINE word i

    # Bash breaks words at : = and @ as well; join what has no space in between.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then
            words[-1]+=$word
        else
            words+=("$word")
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
        rest=${rest#"$word"}
    done

    # What follows "--" is a command of its own, with its own completion.
    if [[ ${COMP_WORDS[1]} == run ]]; then
        for ((i = 2; i < COMP_CWORD; i++)); do
            [[ ${COMP_WORDS[i]} == -- ]] || continue
            if declare -F _comp_command_offset >/dev/null; then
                _comp_command_offset "$((i + 1))"
            elif declare -F _command_offset >/dev/null; then
                _command_offset "$((i + 1))"
            else
                compopt -o default
                ((i + 1 == COMP_CWORD)) && mapfile -t COMPREPLY < <(compgen -c -- "$2")
            fi
            return
        done
    fi

    # What stands before the last break is typed already: readline replaces $2 alone.
    local typed=${words[-1]%"$2"} kind value
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("${value#"$typed"}") ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done < <(
        COMP_WORDS=$(printf '%s\n' "${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) \
            _MLTERM_COMPLETE=bash_complete "$1" 2>/dev/null
    )
}

complete -o nosort -F _mlterm mlterm
