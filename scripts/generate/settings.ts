/**
 * Writes .env.example and docs/configuration.md from src/config/variables.ts. With `--check`, it writes nothing, and
 * fails if one of the two is outdated.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describeVariables, wrap } from '../../src/config/variables.ts';

function envExample(): string {
  const settings = describeVariables().map(({ name, default: value, description, example }) => {
    const text = example === undefined ? description : `${description} Example: ${example}`;
    return `${wrap(text, 100)
      .map((line) => `# ${line}`)
      .join('\n')}\n${name}=${value}\n`;
  });
  return `# Copy this file to .env and change what you need. Variables in the environment override those in .env.
# Generated from src/config/variables.ts by npm run generate.

${settings.join('\n')}
# OpenTelemetry's own variables turn traces on, for example OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
`;
}

function configurationPage(): string {
  const rows = describeVariables().map(({ name, default: value, description, example }) => {
    const more = example === undefined ? '' : ` Example: \`${example}\``;
    return `| \`${name}\` | ${value && `\`${value}\``} | ${description}${more} |`;
  });
  return `# Configuration

Set variables in the environment, or in a file \`.env\` in the working directory. A variable in the environment overrides the
one in the file. An empty value counts as unset. If a value cannot be used, the service does not start, and the message
names the variable. A warning in the log names variables that look like settings but are not.

<!-- Generated from src/config/variables.ts by npm run generate. -->
<!-- prettier-ignore-start -->

| Setting | Default | Description |
| --- | --- | --- |
${rows.join('\n')}

<!-- prettier-ignore-end -->

OpenTelemetry's own variables turn traces on, for example \`OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318\`.
\`OTEL_TRACES_EXPORTER=console\` prints traces instead of sending them. The protocol is \`http/protobuf\` (default) or
\`http/json\`.

Rate limits need AUTH=required. Each copy of the service counts separately, so three copies behind a balancer accept up to
three times as many requests. Requests to \`/docs\` and for the spec do not count. Behind a balancer, set \`TRUST_PROXY\`;
otherwise all callers have the address of the balancer and share one limit. Make sure that clients can reach the service only
through the trusted proxies.

Other limits, such as the size of a request body, are constants in \`src/config/limits.ts\`, with their reasons.
`;
}

const FILES = { '.env.example': envExample(), 'docs/configuration.md': configurationPage() };

for (const [file, text] of Object.entries(FILES)) {
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`${file} differs from src/config/variables.ts. Run npm run generate.\n`);
    process.exitCode = 1;
  }
}
