import { kiteAndCopper } from './kite-and-copper.ts';
import { northlight } from './northlight.ts';
import { referenceExample } from './reference-example.ts';
import type { SampleAccount } from './sample.ts';
import { tidewater } from './tidewater.ts';

/** The sample data: three lifelike accounts, and the example of the published reference. */
export const samples: SampleAccount[] = [northlight, tidewater, kiteAndCopper, referenceExample];
