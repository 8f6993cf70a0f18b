import type { FastifyInstance } from 'fastify';
import { streamEvents } from '../event-stream.js';
import type { FleetNews } from '../../fleet/fleet-watch.js';
import type { RouteContext } from './context.js';

/** Answers also while Redis is away: that is news, too. */
export function addEventsRoute(app: FastifyInstance, { fleet }: RouteContext): void {
  app.get(
    '/api/events',
    {
      schema: {
        summary: 'The fleet, live',
        description:
          'Server-sent events: `history` (the last ten minutes), then `fleet` every two seconds, or `trouble` while Redis is away.',
        tags: ['workers'],
        produces: ['text/event-stream'],
      },
    },
    (_request, reply) =>
      streamEvents(reply, ({ send }) => {
        const tell = (news: FleetNews): void =>
          news.kind === 'fleet' ? send('fleet', news.event) : send('trouble', { error: news.problem });
        send('history', fleet.history());
        const last = fleet.last();
        // Its sample is part of the history already.
        if (last !== null)
          tell(last.kind === 'fleet' ? { ...last, event: { ...last.event, sample: null } } : last);
        return fleet.subscribe(tell);
      }),
  );
}
