// Node has this global, but only lib.dom declares it, together with every browser type.
// Source: WebAssembly JavaScript Interface, https://webassembly.github.io/spec/js-api/.
declare namespace WebAssembly {
  class Memory {
    readonly buffer: ArrayBuffer;
    /** Detaches `buffer`. @param pages of 64 KiB */
    grow(pages: number): number;
    constructor(limits: { readonly initial: number; readonly maximum: number });
  }

  const Module: new (bytes: Uint8Array) => object;

  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: object, imports: { readonly [name: string]: { readonly [name: string]: Memory } });
  }
}
