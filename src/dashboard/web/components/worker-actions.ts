import { plural } from '../lib/format.js';
import type { WorkerAction } from '../lib/worker-state.js';
import type { Question } from './confirm-dialog.js';

/** The words for the commands to a worker or to all workers of a machine. */

export const ACTION_WORDS: Readonly<Record<WorkerAction, string>> = {
  pause: 'Pause',
  resume: 'Resume',
  restart: 'Restart',
};

const WORKER_TEXTS: Readonly<Record<WorkerAction, string>> = {
  pause: 'It finishes its running jobs and takes no new ones until you resume it.',
  resume: 'It takes jobs from the queue again.',
  restart: 'It finishes its running jobs. Then a new process replaces it.',
};

const MACHINE_TEXTS: Readonly<Record<WorkerAction, string>> = {
  pause: 'They finish their running jobs and take no new ones until you resume them.',
  resume: 'They take jobs from the queue again.',
  restart: 'One after another, they finish their running jobs and are replaced by new processes.',
};

export function workerQuestion(id: string, action: WorkerAction): Question {
  return { title: `${ACTION_WORDS[action]} ${id}?`, text: WORKER_TEXTS[action], yes: ACTION_WORDS[action] };
}

export function machineQuestion(hostname: string, workers: number, action: WorkerAction): Question {
  return {
    title: `${ACTION_WORDS[action]} ${plural(workers, 'worker')} of ${hostname}?`,
    text: workers === 1 ? WORKER_TEXTS[action] : MACHINE_TEXTS[action],
    yes: workers === 1 ? ACTION_WORDS[action] : `${ACTION_WORDS[action]} all`,
  };
}

/** Confirms that a command was sent. The worker carries it out within seconds. */
export function sentWords(target: string, action: WorkerAction): string {
  return `${ACTION_WORDS[action]} sent to ${target}.`;
}
