// Node has this global, but of its types only lib.dom tells, which would bring all of the browser's.
// What the scan uses: WebAssembly JavaScript Interface, https://webassembly.github.io/spec/js-api/.
declare namespace WebAssembly {
  class Memory {
    readonly buffer: ArrayBuffer;
    constructor(limits: { readonly initial: number; readonly maximum: number });
    /** @param delta pages of 64 KiB; @returns pages before; @throws {RangeError} there are not so many */
    grow(delta: number): number;
  }

  const Module: new (bytes: Uint8Array) => object;

  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: object, imports: { readonly [name: string]: { readonly [name: string]: Memory } });
  }
}
