import type { Part, TriggerTools } from './part.ts';

/** Returns the work of the leader. */
export const triggerParts = (_tools: TriggerTools): Part[] => [];
