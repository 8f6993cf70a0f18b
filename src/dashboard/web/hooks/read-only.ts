import { createContext, useContext } from '/vendor/preact.js';

const Context = createContext(false);

/** Tells all components below it whether the user may look, but not search or change anything. */
export const ReadOnly = Context.Provider;

export function useReadOnly(): boolean {
  return useContext(Context);
}
