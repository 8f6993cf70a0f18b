import { useEffect, useState } from '/vendor/preact.js';
import { type Route, parseRoute } from '../lib/route.js';

/** The page that the address's hash names. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
