import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { parameterOf } from '../request/parameters.ts';

type Operation = OpenAPIV3.OperationObject;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Joins the lines of a Markdown description to one line, without the bullets of its lists. */
const oneLine = (text = ''): string => text.replaceAll(/(?:^|\s*\n)\s*(?:- )?/g, ' ').trim();

/** Describes the type of a parameter, such as `uuid` or `integer 1 to 1000`. */
function kindOf({ schema }: OpenAPIV3.ParameterObject): string {
  if (!schema || '$ref' in schema) return 'see the reference';
  const range = schema.minimum === undefined ? '' : ` ${schema.minimum} to ${schema.maximum}`;
  const kind = schema.type === 'string' ? (schema.format ?? 'string') : String(schema.type);
  return `${kind}${range}`;
}

function parameterLine(parameter: OpenAPIV3.ParameterObject): string {
  const need = parameter.required ? 'required' : 'optional';
  const { name, description } = parameter;
  return `- \`${name}\` (${parameter.in}, ${kindOf(parameter)}, ${need}): ${oneLine(description)}`;
}

type Components = OpenAPIV3.DocumentV3_1['components'];

/** Returns the description of a reply on one line. The reply may be a reference to a shared component. */
function replyText(
  reply: OpenAPIV3.ReferenceObject | OpenAPIV3.ResponseObject,
  components: Components,
): string {
  if (!('$ref' in reply)) return oneLine(reply.description);
  const named = components?.responses?.[reply.$ref.replace('#/components/responses/', '')];
  return named && !('$ref' in named) ? oneLine(named.description) : '';
}

/** Returns the name of the schema of an operation's JSON body; undefined if there is no body or no named schema. */
function bodyName({ requestBody }: Operation): string | undefined {
  const schema =
    requestBody && 'content' in requestBody ? requestBody.content['application/json']?.schema : undefined;
  return schema && '$ref' in schema ? schema.$ref.replace('#/components/schemas/', '') : undefined;
}

function operationText(method: string, path: string, operation: Operation, components: Components): string {
  const { summary, operationId, description = '' } = operation;
  const parameters = (operation.parameters ?? []).flatMap((one) =>
    parameterOf(one, components).map(parameterLine),
  );
  const replies = Object.entries(operation.responses ?? {}).map(
    ([status, reply]) => `- ${status}: ${replyText(reply, components)}`,
  );
  const body = bodyName(operation);
  return [
    `### ${summary}: \`${method.toUpperCase()} ${path}\` (\`${operationId}\`)`,
    description.trim(),
    ...(parameters.length > 0 ? [`Parameters:\n${parameters.join('\n')}`] : []),
    ...(body === undefined ? [] : [`Body: JSON, schema \`${body}\` of the OpenAPI document.`]),
    `Replies:\n${replies.join('\n')}`,
  ].join('\n\n');
}

/**
 * Returns a description of the API for language models (https://llmstxt.org), in Markdown. It is generated from the
 * spec, so the two cannot disagree.
 */
export function llmsTxt({ info, paths = {}, components }: OpenAPIV3.DocumentV3_1): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [operationText(method, path, operation, components)] : [];
    }),
  );
  const about = 'summary' in info ? String(info.summary) : '';
  return [
    `# ${info.title}`,
    `> ${about}`,
    (info.description ?? '').trim(),
    '## Reference',
    [
      '- [OpenAPI document](/openapi.yaml): every field, limit and example',
      '- [How requests and replies behave](/docs/http.md): caching, compression, numbers, limits, browsers',
      '- [Swagger UI](/docs): for people',
    ].join('\n'),
    '## Operations',
    ...operations,
    '',
  ].join('\n\n');
}
