import type { FastifyInstance } from 'fastify';
import type { FleetNews, FleetWatch } from '../../fleet/fleet-watch.js';
import { formatEvent, streamEvents } from '../event-stream.js';
import type { RouteContext } from './context.js';

/** Also answers while Redis is away, and reports that. */
export function addEventsRoute(app: FastifyInstance, { fleet }: RouteContext): void {
  const stream = serialisedOnce(fleet);
  app.get(
    '/api/events',
    {
      // A request without a body would never end.
      exposeHeadRoute: false,
      schema: {
        summary: 'Follow the fleet live',
        description:
          'Server-sent events: `history` (up to ten minutes), then `fleet` every two seconds, or `trouble` while Redis is away or refuses.',
        tags: ['workers'],
        produces: ['text/event-stream'],
      },
    },
    (_request, reply) =>
      streamEvents(reply, ({ send }) => {
        send(formatEvent('history', fleet.history()));
        return stream(send);
      }),
  );
}

/** All clients get the same text of an event. */
function serialisedOnce(fleet: FleetWatch): (send: (frame: string) => void) => () => void {
  const frames = new WeakMap<FleetNews, string>();
  return (send) =>
    fleet.subscribe((news) => {
      let frame = frames.get(news);
      if (frame === undefined) {
        frame =
          news.kind === 'fleet'
            ? formatEvent('fleet', news.event)
            : formatEvent('trouble', { error: news.problem });
        frames.set(news, frame);
      }
      send(frame);
    });
}
