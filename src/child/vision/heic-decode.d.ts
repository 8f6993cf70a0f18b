declare module 'heic-decode' {
  interface HeicImage {
    readonly width: number;
    readonly height: number;
    /** RGBA, upright: libheif applies the turns that the file asks for. */
    decode(): Promise<{ readonly data: Uint8ClampedArray }>;
  }
  const heicDecode: {
    /** Reads the headers. Free with `dispose`. */
    all(input: { readonly buffer: Uint8Array }): Promise<readonly HeicImage[] & { dispose(): void }>;
  };
  export default heicDecode;
}
