import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SUPPORTED } from '../../../src/embedded/supported.ts';

/** Sent by src/: groups and names, as record.cjs notes them. */
async function readTraffic(folder: string): Promise<Set<string>> {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return new Set(texts.flatMap((text) => text.split('\n').filter(Boolean)));
}

/** What does not fit between the traffic and the table of the embedded engine. */
export function differences(traffic: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  const anyGroup = new Set([...traffic].map((line) => line.split('\t')[1]));
  const ofAny = new Set<string>(Object.values(SUPPORTED['any command']).flat());
  for (const [group, senders] of Object.entries(SUPPORTED)) {
    for (const [sender, names] of Object.entries<readonly string[]>(senders)) {
      for (const name of names) {
        known.add(`${group}\t${name}`);
        const isSent = group === 'any command' ? anyGroup.has(name) : traffic.has(`${group}\t${name}`);
        if (sender.startsWith('src/') && !isSent)
          problems.push(`${group}: nothing in src/ sends ${name}; take it out of src/embedded/supported.ts`);
      }
    }
  }
  for (const line of traffic) {
    const [group, name = ''] = line.split('\t');
    if (!known.has(line) && !ofAny.has(name))
      problems.push(`${group}: src/ sends ${name}, which src/embedded/supported.ts does not have`);
  }
  return problems;
}

/** Fails the run where the table and what was sent differ; see folder.ts for when. */
export default async function compare(): Promise<void> {
  const folder = process.env.TRAFFIC_DIR;
  if (folder === undefined) return;
  const problems = differences(await readTraffic(folder));
  await rm(folder, { recursive: true });
  if (problems.length > 0)
    throw new Error(`The embedded engine and what is sent to it differ.\n${problems.join('\n')}`);
}
