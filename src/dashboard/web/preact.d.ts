/** What `/vendor/preact.js` exports. The types of `htm/preact` lack `createContext`. */
export * from 'htm/preact';
export { createContext } from 'preact';
