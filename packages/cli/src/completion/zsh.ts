/** The completion of zsh, with what each word means. Nothing of it runs `csm` unless names of nodes or groups are wanted. */
import type { OptionShape, Shape } from './shape.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** `name:what it means` as _describe reads it: a colon of the name is escaped. */
const described = (name: string, help: string): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${help.replaceAll(/\s+/g, ' ')}`);

const list = (name: string, rows: readonly string[]): string =>
  `${name}=(\n${rows.map((row) => `  ${row}\n`).join('')})`;

const optionRows = (options: readonly OptionShape[]): string[] =>
  options.flatMap(({ names, help }) => names.map((name) => described(name, help)));

const pairs = (name: string, rows: readonly (readonly [string, string])[]): string =>
  list(
    `typeset -gA ${name}\n${name}`,
    rows.map(([key, value]) => `${quoted(key)} ${quoted(value)}`),
  );

/** A name of a shell variable for a command. */
const plain = (command: string): string => command.replaceAll(/[^a-z0-9]/g, '_');

export function zshCompletion(shape: Shape): string {
  const { nouns, commands, common } = shape;
  const singles = commands.filter(({ name }) => !name.includes(' '));
  const first = [...nouns, ...singles].map(({ name, summary }) => described(name, summary));
  const verbs = nouns.map(({ name }) => {
    const own = commands.filter((command) => command.name.startsWith(`${name} `));
    return list(
      `typeset -ga _csm_verbs_${plain(name)}\n_csm_verbs_${plain(name)}`,
      own.map((command) => described(command.name.slice(name.length + 1), command.summary)),
    );
  });
  const options = commands.map(({ name, options: own }) =>
    list(`typeset -ga _csm_options_${plain(name)}\n_csm_options_${plain(name)}`, optionRows(own)),
  );
  const values = (command: string, of: readonly OptionShape[]) =>
    of.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => [`${command} ${name}`, value] as const),
    );
  return `#compdef csm
# Completion of csm for zsh, made by: csm completion zsh
# Put it as _csm into a directory of $fpath, before compinit is called; or: source <(csm completion zsh)

${list('typeset -ga _csm_first\n_csm_first', first)}
${list('typeset -ga _csm_common\n_csm_common', optionRows(common))}
${verbs.join('\n')}
${options.join('\n')}
# What follows an option: =words, a kind that csm __complete knows, file, directory, or * for free text.
${pairs('_csm_values', [...values('', common), ...commands.flatMap(({ name, options: own }) => values(name, own))])}
# What each place of a command takes.
${pairs(
  '_csm_places',
  commands.map(({ name, places, goesOn }) => [name, places.join('\n') + (goesOn ? '\n...' : '')]),
)}
_csm_programs=${quoted(
    `|${commands
      .filter(({ takesProgram }) => takesProgram)
      .map(({ name }) => name)
      .join('|')}|`,
  )}
${BODY}`;
}

const BODY = `
# Offers what there is of a kind ($1).
_csm_offer() {
  local -a found
  case $1 in
    ('='*) found=(\${=1#=}); compadd -- $found ;;
    (file) _files ;;
    (directory) _files -/ ;;
    (''|'*') _message 'free text' ;;
    (*)
      found=("\${(@f)$(CSM_SOCKET=$csm_socket $csm_name __complete $1 "\${(Q)PREFIX}" </dev/null 2>/dev/null)}")
      found=(\${found:#})
      # A node set may go on behind a name, and a source needs its group.
      if [[ $1 == nodeset ]]; then compadd -S '' -- $found
      else compadd -- $found
      fi
      ;;
  esac
}

_csm() {
  local command='' one pending='' kind='' table csm_name=$words[1] csm_socket=\${CSM_SOCKET-}
  local -i i place=1 behind=0
  local -a places
  for ((i = 2; i < CURRENT; i++)); do
    one=\${(Q)words[i]}
    if [[ -n $pending ]]; then
      [[ $kind == --socket ]] && csm_socket=$one
      pending='' kind=''
      continue
    fi
    case $one in
      (--) behind=$i; break ;;
      (--socket=*) csm_socket=\${one#*=} ;;
      (--*=*) ;;
      (-?*)
        pending=\${_csm_values[$command $one]-\${_csm_values[ $one]-}} kind=$one
        if [[ $one == --watch && $((i + 1)) -lt $CURRENT && \${words[i+1]} == [0-9]* ]]; then (( i++ )); fi
        ;;
      (*)
        if [[ -z $command ]]; then command=$one
        elif (( \${+parameters[_csm_verbs_\${command//[^a-z0-9]/_}]} )); then command+=" $one"
        else (( place++ ))
        fi
        ;;
    esac
  done
  table=\${command//[^a-z0-9]/_}
  if (( behind )); then
    if [[ $_csm_programs == *"|$command|"* ]]; then
      if (( behind + 1 == CURRENT )); then _command_names -e; else _files; fi
    fi
  elif [[ -n $pending ]]; then _csm_offer $pending
  elif [[ $PREFIX == --*=* ]]; then
    one=\${PREFIX%%=*}
    compset -P '*='
    _csm_offer "\${_csm_values[$command $one]-\${_csm_values[ $one]-}}"
  elif [[ $PREFIX == -* ]]; then
    if [[ -n $command ]] && (( \${+parameters[_csm_options_$table]} )); then _describe -o -t options option _csm_options_$table; fi
    _describe -o -t common 'option of every command' _csm_common
  elif [[ -z $command ]]; then _describe -t commands command _csm_first
  elif (( \${+parameters[_csm_verbs_$table]} )); then _describe -t verbs verb _csm_verbs_$table
  elif [[ -n \${_csm_places[$command]-} ]]; then
    places=("\${(@f)_csm_places[$command]}")
    if [[ $places[-1] == ... ]]; then
      places[-1]=()
      if (( place > $#places )); then place=$#places; fi
    fi
    if (( place <= $#places )); then _csm_offer $places[place]; fi
  fi
}

if [[ $funcstack[1] == _csm ]]; then _csm "$@"; else compdef _csm csm; fi
`;
