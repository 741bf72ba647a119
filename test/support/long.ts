/** Whether this is `npm run test:all`, which takes the time for every combination. */
export const isLong = Number(process.env.PROPERTY_RUNS ?? 0) >= 1_000;
