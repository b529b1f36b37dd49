import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { bodyMaxBytes } from '@omniroute/shared/pipeline';

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

function isKnown(encoding: string): encoding is keyof typeof decoders {
  return Object.hasOwn(decoders, encoding);
}

/** The body without its content encoding, 32 MiB at most; null where that cannot be had. */
export async function decodeBody(body: Buffer, encoding: string | undefined): Promise<Buffer | null> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return body;
  if (!isKnown(name)) return null;
  return decoders[name](body, { maxOutputLength: bodyMaxBytes }).catch(() => null);
}
