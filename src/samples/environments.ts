import type { RunEnvironment } from '../../generated/types.gen.ts';

/** The engine's environments in which the sample runs were executed. */
export const production: RunEnvironment = { id: 'env_prod', name: 'production', user: null };
export const development: RunEnvironment = { id: 'env_dev_mira', name: 'dev', user: 'mira' };
