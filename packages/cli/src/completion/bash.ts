/** The completion of bash. Nothing of it runs `csm` unless names of nodes or groups are wanted. */
import type { OptionShape, Shape } from './shape.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const namesOf = (options: readonly OptionShape[]): string => options.flatMap(({ names }) => names).join(' ');

/** `['node list']='…'` lines of an associative array. */
const table = (name: string, rows: readonly (readonly [string, string])[]): string =>
  [`declare -gA ${name}=(`, ...rows.map(([key, value]) => `  [${quoted(key)}]=${quoted(value)}`), ')'].join('\n');

export function bashCompletion(shape: Shape): string {
  const { nouns, commands, common } = shape;
  const first = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
  const verbs = nouns.map(({ name }) => {
    const own = commands.filter((command) => command.name.startsWith(`${name} `));
    return [name, own.map((command) => command.name.slice(name.length + 1)).join(' ')] as const;
  });
  const values = (command: string, options: readonly OptionShape[]) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => [`${command} ${name}`, value] as const),
    );
  return `# Completion of csm for bash, made by: csm completion bash
# Load it in ~/.bashrc by: source <(csm completion bash)
# or put it where bash-completion finds it: /usr/share/bash-completion/completions/csm

__csm_first=${quoted(first.join(' '))}
__csm_common=${quoted(namesOf(common))}
${table('__csm_verbs', verbs)}
${table(
  '__csm_options',
  commands.map(({ name, options }) => [name, namesOf(options)]),
)}
# What follows an option: =words, a kind that csm __complete knows, file, directory, or * for free text.
${table('__csm_values', [...values('', common), ...commands.flatMap(({ name, options }) => values(name, options))])}
# What each place of a command takes, a line for each.
${table(
  '__csm_places',
  commands
    .filter(({ places }) => places.length > 0)
    .map(({ name, places, goesOn }) => [name, places.join('\n') + (goesOn ? '\n...' : '')]),
)}
__csm_programs=${quoted(
    `|${commands
      .filter(({ takesProgram }) => takesProgram)
      .map(({ name }) => name)
      .join('|')}|`,
  )}
${BODY}`;
}

const BODY = `
# The words of $1 without quotes, in __csm_given; the last one, maybe empty, is the one being written.
__csm_split() {
  local line=$1 i c word='' quote='' begun=''
  __csm_given=()
  for ((i = 0; i < \${#line}; i++)); do
    c=\${line:i:1}
    if [[ -n $quote ]]; then
      if [[ $c == "$quote" ]]; then quote=''; else word+=$c; fi
      continue
    fi
    case $c in
      "'" | '"') quote=$c begun=1 ;;
      "\\\\") i=$((i + 1)) begun=1; word+=\${line:i:1} ;;
      ' ' | $'\\t') [[ -n $begun ]] && __csm_given+=("$word"); word='' begun='' ;;
      *) word+=$c begun=1 ;;
    esac
  done
  __csm_given+=("$word")
}

# Puts into __csm_found what there is of a kind ($1) that begins with $2.
__csm_offer() {
  __csm_found=()
  case $1 in
    =*) read -ra __csm_found <<< "\${1#=}" ;;
    file) mapfile -t __csm_found < <(compgen -f -- "$2"); compopt -o filenames 2>/dev/null ;;
    directory) mapfile -t __csm_found < <(compgen -d -- "$2"); compopt -o filenames 2>/dev/null ;;
    '' | '*') ;;
    *) mapfile -t __csm_found < <(CSM_SOCKET=$__csm_socket "$__csm_name" __complete "$1" "$2" </dev/null 2>/dev/null) ;;
  esac
  # A node set may go on behind a name, and a source needs its group.
  if [[ $1 == nodeset || ( \${#__csm_found[@]} -eq 1 && \${__csm_found[0]} == *: ) ]]; then compopt -o nospace 2>/dev/null; fi
}

_csm() {
  local cur=$2 word lead='' command='' i one kind='' pending='' place=0 behind=''
  local __csm_name=$1 __csm_socket=\${CSM_SOCKET-}
  local -a __csm_given __csm_found places
  COMPREPLY=()
  __csm_split "\${COMP_LINE:0:COMP_POINT}"
  word=\${__csm_given[-1]}
  for ((i = 1; i < \${#__csm_given[@]} - 1; i++)); do
    one=\${__csm_given[i]}
    if [[ -n $pending ]]; then
      [[ $kind == --socket ]] && __csm_socket=$one
      pending='' kind=''
      continue
    fi
    case $one in
      --) behind=$i; break ;;
      --socket=*) __csm_socket=\${one#*=} ;;
      --*=*) ;;
      -?*)
        pending=\${__csm_values["$command $one"]-\${__csm_values[" $one"]-}} kind=$one
        # Its value may follow.
        if [[ $one == --watch && \${__csm_given[i + 1]} =~ ^[0-9.]+$ ]]; then i=$((i + 1)); fi
        ;;
      *)
        if [[ -z $command ]]; then command=$one
        elif [[ -n \${__csm_verbs["$command"]-} ]]; then command+=" $one"
        else place=$((place + 1))
        fi
        ;;
    esac
  done
  if [[ -n $behind ]]; then
    [[ $__csm_programs == *"|$command|"* ]] || return 0
    if ((behind + 2 == \${#__csm_given[@]})); then mapfile -t __csm_found < <(compgen -c -- "$word"); else __csm_offer file "$word"; fi
  elif [[ -n $pending ]]; then
    __csm_offer "$pending" "$word"
  elif [[ $word == --*=* ]]; then
    one=\${word%%=*}
    lead=$one=
    __csm_offer "\${__csm_values["$command $one"]-\${__csm_values[" $one"]-}}" "\${word#*=}"
  elif [[ $word == -* ]]; then
    __csm_offer "=\${__csm_options["$command"]-} $__csm_common" "$word"
  elif [[ -z $command ]]; then
    __csm_offer "=$__csm_first" "$word"
  elif [[ -n \${__csm_verbs["$command"]-} ]]; then
    __csm_offer "=\${__csm_verbs["$command"]}" "$word"
  elif [[ -n \${__csm_places["$command"]-} ]]; then
    mapfile -t places <<< "\${__csm_places["$command"]}"
    if [[ \${places[-1]} == ... ]]; then
      unset 'places[-1]'
      if ((place >= \${#places[@]})); then place=$((\${#places[@]} - 1)); fi
    fi
    __csm_offer "\${places[place]-}" "$word"
  fi
  # bash replaces only what stands behind the last of COMP_WORDBREAKS, such as @ and :
  local cut=\${word%"$cur"}
  for one in "\${__csm_found[@]}"; do
    [[ $lead$one == "$word"* ]] || continue
    one=$lead$one
    COMPREPLY+=("\${one#"$cut"}")
  done
}
complete -F _csm csm
`;
