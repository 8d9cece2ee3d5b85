import { type Command, InvalidArgumentError } from 'commander'
import type { Io } from './io.ts'

const shells = ['bash', 'zsh', 'fish'] as const

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion <shell>')
    .description('print what makes a shell complete commands and options: bash, zsh or fish')
    .addHelpText(
      'after',
      '\nExamples:\n  source <(kck completion bash)\n  kck completion fish > ~/.config/fish/completions/kck.fish',
    )
    .action((shell: string) => {
      const found = shells.find((name) => name === shell)
      if (found === undefined) throw new InvalidArgumentError(`${shell} is none of ${shells.join(', ')}`)
      io.out(scripts[found](program.commands.map(wordsOf)))
    })
}

interface Words {
  readonly command: string
  readonly description: string
  readonly options: readonly string[]
}

function wordsOf(command: Command): Words {
  const subcommands = command.commands.map((each) => each.name())
  const options = command.options.flatMap(({ long }) => (long ? [long] : []))
  return {
    command: command.name(),
    description: command.description(),
    options: [...subcommands, ...options, '--help'],
  }
}

const scripts: Readonly<Record<(typeof shells)[number], (words: readonly Words[]) => string>> = {
  bash: bashScript,
  // zsh runs what is written for bash.
  zsh: (words) =>
    `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`,
  fish: fishScript,
}

function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ command, options }) => `    ${command}) words="${options.join(' ')}" ;;`)
  return [
    '_kck() {',
    '  local words="" word="$2"',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${words.map(({ command }) => command).join(' ')}"`,
    '  else',
    '    set -- "$1" "$2" $(echo "$COMP_LINE")',
    '    case "$4" in',
    ...cases,
    '    esac',
    '  fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _kck kck',
  ].join('\n')
}

function fishScript(words: readonly Words[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", '’')}'`
  return words
    .flatMap(({ command, description, options }) => [
      `complete -c kck -n __fish_use_subcommand -a ${command} -d ${quoted(description)}`,
      ...options
        .filter((option) => option.startsWith('--'))
        .map((option) => `complete -c kck -n '__fish_seen_subcommand_from ${command}' -l ${option.slice(2)}`),
    ])
    .join('\n')
}
