# find_node LEAST ABI ARCH: the Node that is to run CSM, in $node. Where there is none that can, tells why and returns 1.
# ABI is that of the compiled database driver, ARCH that of compiled code; either is empty where there is none.
find_node() {
  node=${CSM_NODE:-}
  for place in "$(command -v node || true)" /usr/bin/node /usr/local/bin/node; do
    [ -n "$node" ] || [ ! -x "$place" ] || node=$place
  done
  if [ -z "$node" ]; then
    echo "csm: Node is not found: version $1 or later is needed in PATH or in /usr/local/bin; CSM_NODE=FILE names another" >&2
    return 1
  fi
  # Old releases must understand this line, too.
  why=$("$node" -e '
    var least = process.argv[1], abi = process.argv[2], arch = process.argv[3];
    var have = process.versions.node, a = have.split("."), b = least.split("."), i = 0;
    while (i < 2 && +a[i] === +b[i]) i++;
    if (+a[i] < +b[i]) console.log("it is " + have + ", " + least + " or later is needed");
    else if (arch && process.arch !== arch) console.log("it is for " + process.arch + ", this is CSM for " + arch);
    else if (abi && process.versions.modules !== abi)
      console.log("it is " + have + " with ABI " + process.versions.modules + ", the database driver was compiled for ABI " +
        abi + ": take a Node of the release CSM was built with, or build CSM with this one");
  ' "$1" "$2" "$3" 2>&1) || why="it does not run: $why"
  [ -n "$why" ] || return 0
  echo "csm: $node cannot run CSM: $why; CSM_NODE=FILE names another" >&2
  return 1
}
