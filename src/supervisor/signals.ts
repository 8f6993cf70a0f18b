/** What an operator can ask of the supervisor. */
export type Command = 'stop' | 'roll' | 'quiet' | 'resume';

/** The one place where signals become commands. */
const COMMANDS: Readonly<Partial<Record<NodeJS.Signals, Command>>> = {
  SIGTERM: 'stop',
  SIGINT: 'stop',
  SIGHUP: 'roll',
  SIGTSTP: 'quiet',
  SIGCONT: 'resume',
};

export function onSignals(handle: (command: Command, signal: string) => void): void {
  for (const [signal, command] of Object.entries(COMMANDS)) {
    process.on(signal, () => handle(command, signal));
  }
}
