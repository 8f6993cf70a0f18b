import type { Question } from './confirm-dialog.js';
import { plural } from '../lib/format.js';
import type { WorkerAction } from '../lib/job-states.js';

/** What is asked before something is done to a worker or a machine. */

const WORKER_TEXTS: Readonly<Record<WorkerAction, string>> = {
  pause: 'It finishes the searches it has and takes no new ones until it is resumed.',
  resume: 'It takes searches from the queue again.',
  restart: 'It finishes the searches it has, then its process is replaced by a new one.',
};

const MACHINE_TEXTS: Readonly<Record<WorkerAction, string>> = {
  pause: 'They finish the searches they have and take no new ones until they are resumed.',
  resume: 'They take searches from the queue again.',
  restart: 'One after another they finish the searches they have and are replaced by new processes.',
};

const VERBS: Readonly<Record<WorkerAction, string>> = {
  pause: 'Pause',
  resume: 'Resume',
  restart: 'Restart',
};

export function workerQuestion(id: string, action: WorkerAction): Question {
  return { title: `${VERBS[action]} ${id}?`, text: WORKER_TEXTS[action], yes: VERBS[action] };
}

export function machineQuestion(hostname: string, workers: number, action: WorkerAction): Question {
  return {
    title: `${VERBS[action]} ${plural(workers, 'worker')} of ${hostname}?`,
    text: MACHINE_TEXTS[action],
    yes: `${VERBS[action]} ${workers === 1 ? 'it' : 'all'}`,
  };
}
