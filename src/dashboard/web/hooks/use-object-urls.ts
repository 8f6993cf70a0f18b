import { useEffect, useState } from '/vendor/preact.js';

export interface ObjectUrl {
  readonly url: string;
  readonly name: string;
}

/** Addresses that show local files. They are revoked when the files change. */
export function useObjectUrls(files: readonly File[]): readonly ObjectUrl[] {
  const [urls, setUrls] = useState<readonly ObjectUrl[]>([]);
  useEffect(() => {
    const made = files.map((file) => ({ url: URL.createObjectURL(file), name: file.name }));
    setUrls(made);
    return () => {
      for (const { url } of made) URL.revokeObjectURL(url);
    };
  }, [files]);
  return urls;
}
