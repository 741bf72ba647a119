import { readFile } from 'node:fs/promises';

/** Returns the first code block in a language below a heading of a Markdown file, and above the next second-level heading. */
export async function codeBlock(file: string, heading: string, language: string): Promise<string> {
  const sections = `\n${await readFile(file, 'utf8')}`.split(/\n## |^\n# /);
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const [, block] = new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'm').exec(section) ?? [];
  if (block === undefined) throw new Error(`${file} has no ${language} block under "${heading}".`);
  return block;
}
