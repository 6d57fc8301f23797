/* What a power cap costs: full-speed GPU-hours lost for each kWh that is not drawn, over the workloads
   of the sweep, against 400 W. At 0 W stands a pause that draws nothing. */
WITH sweep AS (SELECT "Workload" AS workload, "GPU power cap" AS cap_w,
      "normalized throughput" AS throughput_ratio, "power per GPU" / 1000 AS power_kw
    FROM read_csv('DATA/power_cap_sweep.csv')),
  uncapped AS (SELECT workload, power_kw AS full_kw FROM sweep WHERE cap_w = 400),
  capped AS (SELECT * FROM sweep WHERE cap_w < 400
    UNION ALL SELECT workload, 0, 0, 0 FROM uncapped),
  cost AS (SELECT cap_w, 1 - power_kw / full_kw AS saved_ratio,
      (1 - throughput_ratio) / (full_kw - power_kw) AS lost
    FROM capped JOIN uncapped USING (workload))
SELECT cap_w, format('{:.0f}% to {:.0f}%', 100 * min(saved_ratio), 100 * max(saved_ratio)) AS power_saved,
  format('{:.2f}', min(lost)) AS least_gpu_h_per_kwh, format('{:.2f}', median(lost)) AS median_gpu_h_per_kwh,
  format('{:.2f}', max(lost)) AS most_gpu_h_per_kwh
FROM cost GROUP BY cap_w ORDER BY cap_w DESC
