import { defineConfig } from '@hey-api/openapi-ts';
import { expressPlugin } from './express-plugin.ts';

/** What `npm run generate` writes into generated/: types, fetch client, and the route table of the server. */
export default defineConfig({
  input: 'openapi.yaml',
  logs: { level: 'error' },
  output: { path: 'generated', importFileExtension: '.ts' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk', expressPlugin()],
});
