#!/bin/sh
# Installs, upgrades and removes CSM. It may run any number of times: what is in order stays as it is. Trees of versions
# stand side by side in DIR/lib/csm, and one link, which is switched at the end, says which is in force; what fails before
# that leaves everything as it was. Programs, pages and units lead through that link. One file, because it must work
# alone, from a directory that was just unpacked.
set -eu
umask 022

usage() {
  cat <<'END_OF_USAGE'
Usage: ./install.sh --prefix DIR --role ROLE[,ROLE] [--systemd|--no-systemd] [--user NAME]
       ./install.sh --prefix DIR --upgrade [--role ROLE[,ROLE]]
       ./install.sh --prefix DIR --remove [--purge]

  --prefix DIR     programs go to DIR/bin, versions to DIR/lib/csm, pages to DIR/share
  --role ROLE      what this machine is: one or several of those this set is for, or client (the command csm alone)
  --systemd        the machine's own: units, configuration in /etc/csm, data in /var/lib/csm, logs in /var/log/csm;
                   the default for root where systemd runs
  --no-systemd     nothing outside DIR: configuration in DIR/etc/csm, data in DIR/var/lib/csm; no root needed
  --user NAME      the user that the units run as, not for the role compute; default root without any of its powers
  --upgrade        to the version of this directory, up or down; roles and the rest stay unless they are given
  --remove         programs, units and what nobody edited; data, and edited configuration, stay
  --purge          with --remove: data, logs and configuration too; certificates and keys are never removed

CSM_NODE=FILE names the Node to run with. DESTDIR=DIR puts everything below DIR, as for the image of a diskless node.
Daemons are never started by this program, and go on with their version until they are started anew.
END_OF_USAGE
}

say() { printf 'install: %s\n' "$*"; }
stop() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}
wrong() {
  printf 'install: %s (--help shows all options)\n' "$*" >&2
  exit 2
}

# --- What was asked for ----------------------------------------------------------------------------------------------

prefix= roles= user= systemd= work=install purge=no
needs_value() { [ "$2" -ge 2 ] || wrong "$1 is given without a value"; }
while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --role | --user)
      needs_value "$1" $#
      case $1 in
        --prefix) prefix=$2 ;;
        --role) roles=$(printf '%s' "$2" | tr ',' ' ') ;;
        --user) user=$2 ;;
      esac
      [ -n "$2" ] || wrong "$1 is empty"
      shift
      ;;
    --systemd) systemd=yes ;;
    --no-systemd) systemd=no ;;
    --upgrade | --remove)
      [ "$work" = install ] || wrong "--upgrade and --remove are given together"
      work=${1#--}
      ;;
    --purge) purge=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) wrong "'$1' is no option" ;;
  esac
  shift
done
[ -n "$prefix" ] || wrong "--prefix is missing: the directory to install into, such as /usr/local"
[ "$purge" = no ] || [ "$work" = remove ] || wrong "--purge is given without --remove"
case $prefix in /*) ;; *) prefix=$(pwd -P)/$prefix ;; esac
while [ "$prefix" != "${prefix%/}" ]; do prefix=${prefix%/}; done
[ -n "$prefix" ] || wrong "--prefix is '/'; allowed is a directory below it, such as /usr/local"
# It stands in units and configuration as it is.
case $prefix in *[!A-Za-z0-9/._+-]* | */../* | */..) wrong "--prefix is '$prefix'; allowed: letters, digits, / . _ + and -" ;; esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
[ -f "$here/RELEASE" ] || stop "RELEASE is not beside this program: it runs from the directory that the archive unpacks to"
fact() { sed -n "s/^$1=//p" "$2"; }
version=$(fact version "$here/RELEASE")
build=$(fact build "$here/RELEASE")

D=${DESTDIR:-}
D=${D%/}
lib=$D$prefix/lib/csm
state=$lib/state

# --- Files, and how to take everything back ----------------------------------------------------------------------------

# Below $temporary: dirs and made list what this run made, kept.N is what stood at the path in kept.N.path.
temporary= kept=0 is_done=no

make_dir() {
  [ ! -d "$1" ] || return 0
  [ ! -e "$1" ] && [ ! -L "$1" ] || stop "$1 is in the way: it must be a directory"
  make_dir "${1%/*}"
  mkdir "$1"
  printf '%s\n' "$1" >>"$temporary/dirs"
}

# Before something is put at path $1.
remember() {
  make_dir "${1%/*}"
  [ ! -d "$1" ] || [ -L "$1" ] || stop "$1 is in the way: it is a directory"
  if [ -e "$1" ] || [ -L "$1" ]; then
    kept=$((kept + 1))
    cp -Pp "$1" "$temporary/kept.$kept"
    printf '%s\n' "$1" >"$temporary/kept.$kept.path"
  else
    printf '%s\n' "$1" >>"$temporary/made"
  fi
}

# put FILE PATH: the text goes to path, at once and whole.
put() {
  if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2"; then return 0; fi
  remember "$2"
  cp "$1" "$2.csm-new"
  mv -f "$2.csm-new" "$2"
}

put_link() {
  if [ -L "$2" ] && [ "$(readlink "$2")" = "$1" ]; then return 0; fi
  remember "$2"
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then
    ln -s "$1" "$2"
    return 0
  fi
  rm -f "$2.csm-new"
  ln -s "$1" "$2.csm-new"
  mv -fT "$2.csm-new" "$2"
}

backwards() { sed '1!G;h;$!d' "$1"; }

# Also where a command failed, or a signal came: the traps lead here.
leave() {
  code=$?
  trap - EXIT INT TERM HUP
  set +e
  if [ -n "$temporary" ] && [ "$is_done" = no ]; then
    while [ "$kept" -gt 0 ]; do
      path=$(cat "$temporary/kept.$kept.path")
      rm -f "$path.csm-new"
      mv -fT "$temporary/kept.$kept" "$path"
      kept=$((kept - 1))
    done
    while IFS= read -r path; do rm -rf "$path" "$path.csm-new"; done <"$temporary/made"
    rm -rf "$temporary/tree"
    made=$(backwards "$temporary/dirs")
    rm -rf "$temporary"
    printf '%s\n' "$made" | while IFS= read -r path; do rmdir "$path" 2>/dev/null; done
    printf 'install: failed; everything is as it was\n' >&2
    [ "$code" -ne 0 ] || code=1
  elif [ -n "$temporary" ]; then
    rm -rf "$temporary"
  fi
  exit "$code"
}

# One at a time; the lock ends with this process.
lock() {
  command -v flock >/dev/null || return 0
  exec 9<"$lib"
  flock -n 9 || stop "another install.sh works on $prefix"
  # What one that was killed has left.
  rm -rf "$lib"/.work.*
}

begin() {
  above=$lib
  missing=
  while [ ! -d "$above" ]; do
    missing="$above
$missing"
    above=$(dirname "$above")
  done
  [ -w "$above" ] || stop "$above cannot be written by $(id -un); run this as root, or give a --prefix of yours"
  mkdir -p "$lib"
  lock
  temporary=$(mktemp -d "$lib/.work.XXXXXX")
  printf '%s' "$missing" >"$temporary/dirs"
  : >"$temporary/made"
  trap leave EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# --- What is there -------------------------------------------------------------------------------------------------------

installed=
if [ -f "$lib/current/RELEASE" ]; then installed=$(fact version "$lib/current/RELEASE"); fi

decide_places() {
  if [ "$systemd" = yes ]; then
    etc=/etc var=/var run=/run
  else
    etc=$prefix/etc var=$prefix/var run=$prefix/run
  fi
}

# Texts name the places of a machine's own installation; elsewhere they get those of this one.
render() {
  # In two steps, because a prefix may look like one of these places. Comments of settings tell what is built in.
  sed -e '/^ *"#/b' -e 's|/usr/bin/csmd|@BIN@/csmd|g' -e 's|/etc/csm\([/ ]\)|@ETC@/csm\1|g' \
    -e 's|/var/lib/csm|@VAR@/lib/csm|g' -e 's|/var/log/csm|@VAR@/log/csm|g' -e 's|/run/csm|@RUN@/csm|g' "$1" |
    sed -e "s|@BIN@|$prefix/bin|g" -e "s|@ETC@|$etc|g" -e "s|@VAR@|$var|g" -e "s|@RUN@|$run|g"
}

# The configuration files of roles, as `name of the sample:path`.
configuration() {
  for role in $roles; do [ "$role" = client ] || echo "csm_$role.cfg:$etc/csm/csm_$role.cfg"; done
  case " $roles " in
    ' client ') ;;
    *) printf '%s\n' "csm_api.acl:$etc/csm/csm_api.acl" "csm_api.cfg:$etc/csm/csm_api.cfg" ;;
  esac
  echo "groups.cfg:$etc/csm/groups.cfg"
}

# --- Installing ------------------------------------------------------------------------------------------------------------

check_roles() {
  known="$(fact roles "$here/RELEASE") client"
  [ -n "$roles" ] || wrong "--role is missing; allowed: $known"
  for role in $roles; do
    case " $known " in
      *" $role "*) ;;
      *) wrong "--role has '$role'; this set ($(fact set "$here/RELEASE")) is for: $known" ;;
    esac
  done
}

check_user() {
  [ -n "$user" ] || return 0
  [ "$systemd" = yes ] || wrong "--user is given, but there are no units that it is for; with --no-systemd daemons run as who starts them"
  case $user in *[!A-Za-z0-9._-]*) wrong "--user is '$user'; allowed is the name of a user" ;; esac
  case " $roles " in *' compute '*) wrong "--user is given with the role compute, which runs programs of all users and so must be root" ;; esac
  if [ -n "$D" ]; then
    grep -q "^$user:" "$D/etc/passwd" || stop "there is no user '$user' in $D/etc/passwd"
    return 0
  fi
  id -u "$user" >/dev/null 2>&1 || stop "there is no user '$user': useradd --system --home-dir /var/lib/csm $user"
}

check_systemd() {
  [ "$systemd" = yes ] || return 0
  [ -n "$D" ] || [ "$(id -u)" = 0 ] || stop "--systemd is for root; --no-systemd installs below the prefix only"
  case $prefix/ in
    /home/* | /root/* | /run/user/* | /tmp/* | /var/tmp/*) stop "--prefix is '$prefix', which the units' sandbox does not see; allowed with --systemd: such as /usr/local or /opt/csm" ;;
  esac
}

# Where the tree of this version is, or goes: another build of the same version stands beside the first.
place_of_tree() {
  name=$version
  if [ -e "$lib/$name" ] && [ "$(fact build "$lib/$name/RELEASE" 2>/dev/null || true)" != "$build" ]; then name=$version-$build; fi
}

# Whether the tree runs: the programs start, and what is compiled loads.
try_tree() {
  for program in "$1"/bin/csm*; do
    said=$(CSM_NODE=$node sh "$program" --version 2>&1) || stop "${program##*/} of $version does not start: $said"
  done
  said=$(cd "$1" && "$node" -e '
    const there = (name) => require("node:fs").existsSync(`node_modules/${name}`);
    if (there("koffi")) require("koffi");
    if (there("better-sqlite3")) new (require("better-sqlite3"))(":memory:").close();
  ' 2>&1) || stop "the compiled code of $version does not load: $said"
}

# csm starts sooner where the Node that will run it has compiled it; it does without where that fails.
compile_csm() {
  modules=$1/node_modules/@csm
  # An image is built on another machine, whose Node is not the one.
  [ -z "$D" ] && [ -f "$modules/cli/dist/bundle/csm.cjs" ] || return 0
  "$node" "$modules/model/bin/compile.mjs" "$modules/cli/dist/bundle/csm.cjs" >/dev/null 2>&1 || true
}

# A configuration that today's version takes and the next one does not is found out before anything is changed.
try_configuration() {
  [ "$work" = upgrade ] && [ -z "$D" ] && [ -x "$lib/current/bin/csmd" ] || return 0
  for role in $roles; do
    file=$etc/csm/csm_$role.cfg
    [ -f "$file" ] && [ "$role" != client ] || continue
    said=$(CSM_NODE=$node sh "$1/bin/csmd" --role "$role" --file "$file" --check 2>&1) && continue
    CSM_NODE=$node "$lib/current/bin/csmd" --role "$role" --file "$file" --check >/dev/null 2>&1 || continue
    stop "$version does not take $file, which $installed does: $said"
  done
}

# Configuration is its admin's: who has not edited it gets the new sample, who has finds it beside his own.
put_configuration() {
  configuration >"$temporary/configuration"
  while IFS=: read -r sample path; do
    render "$here/etc/$sample" >"$temporary/sample"
    if [ -f "$D$path" ] && ! cmp -s "$temporary/sample" "$D$path"; then
      : >"$temporary/before"
      [ ! -f "$state/etc/$sample" ] || cp "$state/etc/$sample" "$temporary/before"
      if ! cmp -s "$temporary/before" "$D$path"; then
        # Said once: the sample it was told about is not told about again.
        if ! cmp -s "$temporary/before" "$temporary/sample"; then
          put "$temporary/sample" "$D$path.new"
          say "$path was edited and stays; what is new stands in $path.new"
        fi
        put "$temporary/sample" "$state/etc/$sample"
        continue
      fi
    fi
    put "$temporary/sample" "$D$path"
    put "$temporary/sample" "$state/etc/$sample"
  done <"$temporary/configuration"
}

# own FILE|LINK FROM PATH: what is ours alone, and goes with us.
own() {
  printf '%s\n' "$3" >>"$temporary/files"
  case $1 in
    file) put "$2" "$D$3" ;;
    link) put_link "$2" "$D$3" ;;
  esac
}

put_units() {
  for role in $roles; do
    [ "$role" != client ] || continue
    unit=csmd-$role.service
    render "$here/systemd/$unit" >"$temporary/unit"
    [ -z "$user" ] || sed "s|^\\[Service\\]\$|&\\nUser=$user|" "$temporary/unit" >"$temporary/unit.user"
    [ -z "$user" ] || mv "$temporary/unit.user" "$temporary/unit"
    own file "$temporary/unit" "/etc/systemd/system/$unit"
  done
}

put_all() {
  for program in "$tree"/bin/csm*; do own link "../lib/csm/current/bin/${program##*/}" "$prefix/bin/${program##*/}"; done
  # Links lead up to the prefix, one step for each directory on the way.
  (cd "$here/share" && find man bash-completion zsh -type f | sort |
    awk -F/ '{ up = ""; for (i = 1; i <= NF; i++) up = up "../"; print up "lib/csm/current/share/" $0 ":" $0 }') >"$temporary/share"
  while IFS=: read -r target path; do own link "$target" "$prefix/share/$path"; done <"$temporary/share"
  [ "$roles" != client ] || return 0
  render "$here/share/tmpfiles.conf" >"$temporary/tmpfiles"
  [ -z "$user" ] || sed "/csm \\+07/s| root root | $user root |" "$temporary/tmpfiles" >"$temporary/tmpfiles.user"
  [ -z "$user" ] || mv "$temporary/tmpfiles.user" "$temporary/tmpfiles"
  render "$here/share/logrotate" >"$temporary/logrotate"
  own file "$temporary/logrotate" "$etc/logrotate.d/csm"
  if [ "$systemd" = yes ]; then
    put_units
    own file "$temporary/tmpfiles" /etc/tmpfiles.d/csm.conf
  else
    for path in "$var/lib/csm" "$var/log/csm" "$run/csm"; do make_dir "$D$path"; done
    chmod 750 "$D$var/lib/csm" "$D$var/log/csm"
  fi
}

rm_listed() {
  list=$1
  set --
  while IFS= read -r path; do set -- "$@" "$D$path"; done <"$list"
  rm -f "$@"
}

# What the version before had and this one has not.
drop_old_files() {
  [ -f "$temporary/files.before" ] || return 0
  grep -vxF -f "$state/files" "$temporary/files.before" >"$temporary/files.old" || true
  rm_listed "$temporary/files.old"
}

# This version and the one before stay: running daemons still load from theirs, and there is a way back.
drop_old_trees() {
  for one in "$lib"/*/; do
    one=${one%/}
    [ ! -L "$one" ] && [ -f "$one/RELEASE" ] || continue
    case ${one##*/} in "$name" | "$before") ;; *) rm -rf "$one" ;; esac
  done
}

tell_systemd() {
  [ "$systemd" = yes ] || return 0
  if command -v systemd-tmpfiles >/dev/null; then
    systemd-tmpfiles ${D:+--root="$D"} --create csm.conf || say "systemd-tmpfiles failed; the units make the directories too"
  fi
  [ -n "$D" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload || say "systemctl daemon-reload failed"
}

install_csm() {
  check_roles
  check_user
  check_systemd
  # shellcheck source=packaging/node.sh
  . "$here/share/node.sh"
  find_node "$(fact node "$here/RELEASE")" "$(fact abi "$here/RELEASE")" "$(fact arch "$here/RELEASE")" || exit 1
  node=$(command -v "$node")
  before=
  [ ! -L "$lib/current" ] || before=$(readlink "$lib/current")
  begin
  : >"$temporary/files"
  place_of_tree
  tree=$lib/$name
  try_tree "$here"
  try_configuration "$here"
  if [ ! -d "$tree" ]; then
    cp -R "$here" "$temporary/tree"
    compile_csm "$temporary/tree"
    chmod -R u=rwX,go=rX "$temporary/tree"
    printf '%s\n' "$tree" >>"$temporary/made"
    mv "$temporary/tree" "$tree"
  fi
  # An image is built on another machine, whose Node says nothing.
  [ -n "$D" ] || put_link "$node" "$tree/bin/node"
  put_configuration
  put_all
  printf 'roles=%s\nsystemd=%s\nuser=%s\n' "$roles" "$systemd" "$user" >"$temporary/choices"
  put "$temporary/choices" "$state/choices"
  [ ! -f "$state/files" ] || cp "$state/files" "$temporary/files.before"
  put "$temporary/files" "$state/files"
  make_dir "$state"
  {
    [ ! -f "$state/dirs" ] || cat "$state/dirs"
    while IFS= read -r path; do printf '%s\n' "${path#"$D"}"; done <"$temporary/dirs"
  } | awk '!seen[$0]++' >"$temporary/dirs.new"
  put "$temporary/dirs.new" "$state/dirs"
  # The moment at which it counts.
  put_link "$name" "$lib/current"
  is_done=yes
  drop_old_files
  [ "$before" = "$name" ] || [ -z "$before" ] || ln -sfn "$before" "$lib/previous"
  [ "$before" != "$name" ] || before=$(readlink "$lib/previous" 2>/dev/null || true)
  drop_old_trees
  tell_systemd
  case $installed in
    "$version") say "csm $version is installed in $prefix" ;;
    '') say "csm $version is now installed in $prefix" ;;
    *) say "csm $version is now installed in $prefix, in the place of $installed, which stays in lib/csm/previous" ;;
  esac
  for role in $roles; do
    [ "$role" != client ] || continue
    if [ "$systemd" = yes ]; then
      say "  $role: edit /etc/csm/csm_$role.cfg, then systemctl enable csmd-$role && systemctl restart csmd-$role"
    else
      say "  $role: edit $etc/csm/csm_$role.cfg, then start $prefix/bin/csmd --role $role --file $etc/csm/csm_$role.cfg"
    fi
  done
}

# --- Removing --------------------------------------------------------------------------------------------------------------

remove_csm() {
  if [ -d "$lib" ]; then
    [ -w "$lib" ] || stop "$lib cannot be written by $(id -un)"
    lock
  fi
  if [ "$systemd" = yes ] && [ -z "$D" ] && [ -d /run/systemd/system ]; then
    for role in $roles; do
      [ "$role" = client ] || systemctl disable --now "csmd-$role.service" || say "csmd-$role could not be stopped"
    done
  fi
  [ ! -f "$state/files" ] || rm_listed "$state/files"
  for file in "$here"/etc/* "$state"/etc/*; do
    [ -f "$file" ] || continue
    path=$etc/csm/${file##*/}
    [ "$purge" = no ] || rm -f "$D$path" "$D$path.new"
    case $file in "$here"/*) continue ;; esac
    [ -f "$D$path" ] || continue
    if cmp -s "$file" "$D$path"; then rm -f "$D$path"; else say "$path was edited and stays"; fi
  done
  [ "$purge" = no ] || rm -rf "$D$var/lib/csm" "$D$var/log/csm" "$D$run/csm"
  [ "$systemd" = no ] || [ -n "$D" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload || true
  dirs=
  [ ! -f "$state/dirs" ] || dirs=$(backwards "$state/dirs")
  rm -rf "$lib"
  # Empty ones that were made for this; what has something in it stays.
  printf '%s\n' "$dirs" | while IFS= read -r path; do [ -z "$path" ] || rmdir "$D$path" 2>/dev/null || true; done
  for path in "$D$etc/csm" "$D$var/lib/csm" "$D$var/log/csm" "$D$run/csm"; do
    rmdir "$path" 2>/dev/null || [ ! -d "$path" ] || say "${path#"$D"} stays, with what is in it"
  done
  say "csm${installed:+ $installed} is removed from $prefix"
}

# --- ------------------------------------------------------------------------------------------------------------------------

choice() { if [ -f "$state/choices" ]; then fact "$1" "$state/choices"; fi; }
if [ "$work" != install ] && [ -z "$installed" ]; then
  [ "$work" = remove ] || stop "there is nothing to upgrade in $prefix: install with --role"
  # What an earlier removal left can still be purged.
  if [ "$purge" = no ]; then
    say "there is nothing to remove in $prefix"
    exit 0
  fi
fi
if [ "$work" = install ] && [ -n "$installed" ] && [ "$installed" != "$version" ]; then
  stop "csm $installed is installed in $prefix; --upgrade puts $version in its place"
fi
[ -n "$roles" ] && [ "$work" != remove ] || roles=$(choice roles)
[ -n "$user" ] || user=$(choice user)
chosen=$(choice systemd)
if [ -n "$chosen" ]; then
  [ "${systemd:-$chosen}" = "$chosen" ] || stop "it was installed with systemd=$chosen, which cannot be changed: --remove first, data stay"
  systemd=$chosen
elif [ -z "$systemd" ]; then
  systemd=no
  if [ "$(id -u)" = 0 ] && { [ -d /run/systemd/system ] || { [ -n "$D" ] && [ -d "$D/usr/lib/systemd" ]; }; }; then systemd=yes; fi
fi
decide_places
if [ "$work" = remove ]; then remove_csm; else install_csm; fi
