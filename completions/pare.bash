# bash completion for pare and every pare-TOOL. It asks the tools themselves:
# their --list-options prints letter, name and argument of each option.

_pare_tools()
{
    compgen -c pare- | sed -n 's/^pare-\([a-z0-9-]*\)$/\1/p' | sort -u
    echo help
}

# Options of a tool, or of its subcommand if $2 is one.
_pare_options()
{
    "$1" "$2" --list-options 2>/dev/null || "$1" --list-options 2>/dev/null
}

# Name of the argument that an option takes; nothing for a flag.
_pare_argument()
{
    _pare_options "$1" "$2" | awk -F '\t' -v option="$3" '
        option == "-" $1 || option == "--" $2 { print $3; exit }'
}

# Names that an option takes, if the tool prints them for "list".
_pare_names()
{
    case $1:$2 in
    pare-init:-a | pare-init:--arch | pare-init:--init | \
        pare-init:--sparse | pare-train:--sparse | \
        pare-grow:-m | pare-grow:--criterion | \
        pare-prune:-m | pare-prune:--criterion | pare-prune:-g | \
        pare-prune:--grain | pare-scan:-m | pare-scan:--criterion | \
        pare-scan:-g | pare-scan:--grain | pare-prune:-A | \
        pare-prune:--allocation)
        "$1" "$2" list 2>/dev/null | sed '1d; s/	.*//'
        ;;
    pare-eval:--split | pare-scan:--split | pare-prune:--split) echo train val test ;;
    pare-grow:--counting) echo exact bernoulli strict ;;
    pare-grow:--avoid) echo removed none ;;
    pare-mask:--fill) echo zero init others ;;
    esac
}

_pare_operand()
{
    case $1 in
    *FILE* | *DIR* | *DATA* | *MODEL* | '')
        compopt -o default 2>/dev/null
        COMPREPLY=()
        ;;
    *) COMPREPLY=() ;;
    esac
}

_pare()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local tool=${COMP_WORDS[0]##*/} sub=${COMP_WORDS[1]} argument=

    if [[ $tool == pare ]]; then
        if ((COMP_CWORD == 1)) || [[ ${COMP_WORDS[1]} == help ]]; then
            COMPREPLY=($(compgen -W "$(_pare_tools)" -- "$word"))
            return
        fi
        tool=pare-${COMP_WORDS[1]}
        sub=${COMP_WORDS[2]}
    fi
    [[ $before == -?* ]] && argument=$(_pare_argument "$tool" "$sub" "$before")
    if [[ -n $argument ]]; then
        _pare_operand "$argument"
        COMPREPLY=($(compgen -W "$(_pare_names "$tool" "$before")" -- "$word"))
    elif [[ $tool == pare-data && $word == "$sub" ]]; then
        COMPREPLY=($(compgen -W 'idx csv images cifar10 cifar100 npy npz info' -- "$word"))
    elif [[ $tool == pare-@(export|mask) && $word == "$sub" ]]; then
        COMPREPLY=($(compgen -W "$("$tool" list | sed '1d; s/	.*//')" -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$(_pare_options "$tool" "$sub" |
            awk -F '\t' '{ if ($1 != "-") print "-" $1; print "--" $2 }')" \
            -- "$word"))
    else
        _pare_operand ''
    fi
}

complete -F _pare pare
for _pare_tool in $(_pare_tools); do
    [[ $_pare_tool == help ]] || complete -F _pare "pare-$_pare_tool"
done
unset _pare_tool
