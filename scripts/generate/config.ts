import { defineConfig } from '@hey-api/openapi-ts';
import { expressPlugin } from './express-plugin.ts';

/**
 * Configures what `npm run generate` writes into generated/: types, fetch client, the server's route table, and
 * openapi.yaml as JSON. The service reads the JSON, because parsing YAML took a tenth of its start. check.ts sets
 * GENERATED_FOLDER; the option --output would drop importFileExtension.
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
