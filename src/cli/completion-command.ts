import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

interface Completed {
  /** Empty for the program itself. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its argument may be; empty where it is a file or a folder. */
  readonly choices: readonly string[];
}

interface CompletedOption {
  readonly short: string | undefined;
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
}

const WRITERS: Readonly<Record<Shell, (program: Completed, commands: readonly Completed[]) => string>> = {
  bash: writeBash,
  zsh: writeZsh,
  fish: writeFish,
};

/** Prints a script that makes a shell complete commands and options. Where a stage or a photo is due, it completes files. */
export function completionCommand(program: Command): (shell: Shell) => void {
  return (shell) => {
    process.stdout.write(WRITERS[shell](describe(program), program.commands.map(describe)));
  };
}

function describe(command: Command): Completed {
  const options = command.createHelp().visibleOptions(command);
  return {
    name: command.name(),
    description: command.description(),
    options: options.map(({ short, long, description, required }) => ({
      short,
      long: long ?? '',
      description,
      takesValue: required,
    })),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function writeBash({ options }: Completed, commands: readonly Completed[]): string {
  const cases = commands.map(
    ({ name, options: own, choices }) =>
      `    ${name}) flags='${flagsOf(own)}' values='${choices.join(' ')}' ;;`,
  );
  return `# source <(face-search completion bash)
_face_search() {
  local word=\${COMP_WORDS[COMP_CWORD]} flags='${flagsOf(options)}' values='${commands.map(({ name }) => name).join(' ')}'
  if ((COMP_CWORD > 1)); then case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) flags='' values='' ;;
  esac; fi
  [[ $word == -* ]] && values=$flags
  COMPREPLY=($(compgen -W "$values" -- "$word"))
}
complete -o bashdefault -o default -F _face_search face-search
`;
}

function writeZsh({ options }: Completed, commands: readonly Completed[]): string {
  const names = commands.map(({ name, description }) => quote(`${name}:${description}`));
  const cases = commands.map(({ name, options: own, choices }) => {
    const argument = choices.length > 0 ? `1:choice:(${choices.join(' ')})` : '*:file:_files';
    return `    ${name}) _arguments ${[...own.flatMap(specsOfZsh), quote(argument)].join(' ')} ;;`;
  });
  return `#compdef face-search
# source <(face-search completion zsh)
_face_search() {
  if ((CURRENT == 2)); then
    local -a commands=(${names.join(' ')})
    _describe command commands
    _arguments ${options.flatMap(specsOfZsh).join(' ')}
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _face_search ]]; then _face_search "$@"; else compdef _face_search face-search; fi
`;
}

function writeFish({ options }: Completed, commands: readonly Completed[]): string {
  return `# face-search completion fish | source
${[
  ...commands.map(({ name, description }) =>
    lineOfFish('-n __fish_use_subcommand', `-f -a ${name}`, `-d ${quoteFish(description)}`),
  ),
  ...options.map((option) => lineOfFish('-n __fish_use_subcommand', '-f', flagOfFish(option))),
  ...commands.flatMap(({ name, options: own, choices }) => {
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    const values = choices.length > 0 ? [lineOfFish(here, `-f -a '${choices.join(' ')}'`)] : [];
    return [...values, ...own.map((option) => lineOfFish(here, flagOfFish(option)))];
  }),
].join('\n')}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (sign) => `\\${sign}`)}'`;
}

function flagsOf(options: readonly CompletedOption[]): string {
  return options.flatMap(({ short, long }) => (short === undefined ? [long] : [short, long])).join(' ');
}

function lineOfFish(...parts: string[]): string {
  return ['complete -c face-search', ...parts].join(' ');
}

function flagOfFish({ short, long, description, takesValue }: CompletedOption): string {
  const flag = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  return `${flag} ${takesValue ? '-r ' : ''}-d ${quoteFish(description)}`;
}

/** As `_arguments` reads them. */
function specsOfZsh({ short, long, description, takesValue }: CompletedOption): string[] {
  const text = description.replaceAll(/[\\[\]:]/g, (sign) => `\\${sign}`);
  const rest = `[${text}]${takesValue ? ':value:_files' : ''}`;
  return short === undefined
    ? [quote(`${long}${rest}`)]
    : [short, long].map((flag) => quote(`(${short} ${long})${flag}${rest}`));
}
