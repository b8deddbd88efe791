/** Cases that each property of what stands between us and the outside is tried with. */
export const RUNS = 10_000;
