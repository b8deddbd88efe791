/**
 * Versions of the Graph API that had ended before this package was first released (Meta, "Graph API changelog"). Meta
 * answers them as a newer version and reports no error. Not extended later, because a workflow that runs must not
 * stop at an update: Setup > Check reports versions that end later.
 */
export const ENDED_VERSION = /^(?:1?\d|20)\.\d+$/;
