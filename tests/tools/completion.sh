# The bash completion, as bash calls it.
. "${0%/*}/lib.sh"

have bash || skip "no bash"
cat >complete.bash <<'END'
# complete.bash SCRIPT WORD...: what the last word could become.
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_pare
printf '%s\n' "${COMPREPLY[@]}"
END

complete() {
    run bash complete.bash "$SRC/completions/pare.bash" "$@"
}
complete pare di
out_is diff "tools are completed"
complete pare help di
out_is diff "and after help"
complete pare diff --st
out_is --state "options of a tool"
complete pare-diff --st
out_is --state "also under its own name"
complete pare-diff -
out_has '^--all$' "all of them"
out_has '^-h$' "and letters"
complete pare-init --output ''
out_is '' "files are left to bash"
complete pare data csv --sep
out_is --separator "and options of a subcommand"
complete pare data cs
out_is csv "subcommands too"
complete pare-data i
out_is 'idx
images
info' "under their own name"
complete pare mask x
out_is xor "operations on masks"
complete pare export safe
out_is safetensors "formats"
complete pare-mask not --fill i
out_is init "and what they fill with"
complete pare data info a
out_is '' "once"
complete pare prune -m gradi
out_is gradient "names that a tool lists are completed"
complete pare-init --init he-n
out_is he-normal "for every option that lists them"
complete pare eval --split t
out_is 'train
test' "and names of splits"

finish
