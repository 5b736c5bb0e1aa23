const SEVERE =
  /^(STOPPING|WORKER_\w+|RULES_REFUSED|RELOAD_STUCK|HISTORY_GAP|POLICY_TESTS_FAILING|LIST_MISSING|ZONE_MISSING|FLEET_BEHIND|LOG_UNWRITABLE|RECORDER_SILENT|UPSTREAMS_DOWN|UPSTREAMS_UNKNOWN|PROBE_FAILING)$/

/** Whether a state of the gateway is not good with this problem: `PROBLEMS` of src/gateway/status/problems.ts. */
export const isSevere = (code: string): boolean => SEVERE.test(code)
