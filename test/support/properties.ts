/** Cases that each property of what stands between us and the outside is tried with; fewer in mutation tests only. */
export const RUNS = Number(process.env.PROPERTY_RUNS ?? 10_000);
