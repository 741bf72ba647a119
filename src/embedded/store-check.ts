import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { checkUsable, namesIn } from '../lib/files.ts';

/** Layout of LMDB's data file in bytes (LMDB's format 2, 64-bit). The first two pages describe the last two commits. */
const PAGE_HEADER_BYTES = 24;
const META_BYTES = 160;
const MAGIC = 0xbeefc0de;
const ROOT_OFFSETS = [88, 136];
const PAGE_SIZE_OFFSET = 48;
const TRANSACTION_OFFSET = 152;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Checks LMDB's files before LMDB maps them into memory: LMDB trusts them, and a corrupt file crashes the process.
 * Detects files that cannot be opened, have another format, are truncated, or are overwritten at the start. Other
 * damage goes undetected.
 * @returns whether the data file exists; LMDB creates a missing or empty one
 * @throws Error that describes the damage, or a system error
 */
export async function checkFiles(path: string, { readOnly }: { readOnly: boolean }): Promise<boolean> {
  const names = await namesIn(path);
  for (const name of ['data.mdb', 'lock.mdb'].filter((file) => names.includes(file)))
    await checkUsable(join(path, name), { readOnly });
  if (!names.includes('data.mdb')) return false;
  await checkDataFile(join(path, 'data.mdb'));
  return true;
}

async function checkDataFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > 0) await checkPages(file, size);
  } finally {
    await file.close();
  }
}

async function checkPages(file: FileHandle, size: number): Promise<void> {
  const first = await read(file, 0);
  const pageSize = first.readUInt32LE(PAGE_SIZE_OFFSET);
  if (!isMeta(first) || pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    throw new Error('its data file is not a database');
  }
  const second = await read(file, pageSize);
  if (!isMeta(second)) throw new Error('the start of its data file is damaged');
  const newer =
    first.readBigUInt64LE(TRANSACTION_OFFSET) > second.readBigUInt64LE(TRANSACTION_OFFSET) ? first : second;
  for (const offset of ROOT_OFFSETS) {
    const root = newer.readBigUInt64LE(offset);
    if (root === NO_PAGE) continue;
    if ((root + 1n) * BigInt(pageSize) > BigInt(size)) throw new Error('its data file is cut off');
    const page = await read(file, Number(root) * pageSize);
    if (page.readBigUInt64LE(0) !== root) throw new Error('its data file is damaged');
  }
}

async function read(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(META_BYTES), 0, META_BYTES, position);
  if (bytesRead < META_BYTES) throw new Error('its data file is cut off');
  return buffer;
}

function isMeta(page: Buffer): boolean {
  return page.readUInt32LE(PAGE_HEADER_BYTES) === MAGIC;
}
