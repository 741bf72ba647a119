import { defineConfig } from '@hey-api/openapi-ts';
import { expressPlugin } from './express-plugin.ts';

/**
 * What `npm run generate` writes into generated/: types, fetch client, the route table of the server, and openapi.yaml as
 * JSON, which the service reads: parsing YAML took a tenth of its start.
 * GENERATED_FOLDER is for check.ts: the option --output would drop importFileExtension.
 */
export default defineConfig({
  input: 'openapi.yaml',
  logs: { level: 'error' },
  output: {
    path: process.env.GENERATED_FOLDER ?? 'generated',
    importFileExtension: '.ts',
    source: { fileName: 'openapi' },
  },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk', expressPlugin()],
});
