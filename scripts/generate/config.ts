import { defineConfig } from '@hey-api/openapi-ts';
import { expressPlugin } from './express-plugin.ts';

/**
 * Configures the part of `npm run generate` that writes types, a fetch client, the server's route table and a JSON
 * copy of openapi.yaml into generated/. The service reads the JSON, because parsing YAML took a tenth of its start
 * time. check.ts sets the folder with GENERATED_FOLDER, because the option --output would drop importFileExtension.
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
