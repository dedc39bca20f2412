/** `bin/vrx` of a bundle: a shell script that needs nothing but a shell (and readlink, where it is called by a link). */
export const launcher = `#!/bin/sh
# Runs vrx with the Node beside it, wherever this folder is.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=\${self%/*}/$link ;;
  esac
done
case $self in
  */*) folder=\${self%/*} ;;
  *) folder=. ;;
esac
folder=$(CDPATH= cd -- "$folder/.." && pwd -P) || exit 70
exec "$folder/bin/node" "$folder/lib/node_modules/@vrx/cli/bin/vrx.js" "$@"
`;
