/* The reduction against the hour up to the first window of the day, which holds the ramp. */
WITH dispatch AS (SELECT event_id, site_id,
      min(event_start_utc) OVER (PARTITION BY site_id) AS start_utc
    FROM raw_grid__events),
  hour AS (SELECT event_id, avg(energy_kwh) AS level_kwh
    FROM dispatch JOIN core_site__interval_energy USING (site_id)
    WHERE interval_start_utc >= start_utc - INTERVAL 1 HOUR AND interval_start_utc < start_utc
    GROUP BY event_id)
SELECT event_id, format('{:.2f}', 60 * level_kwh) AS hour_kw,
  format('{:.2f}', sum(level_kwh - metered_kwh)) AS reduction_kwh, count(*) AS minutes,
  count(*) FILTER (metered_kwh > 0.75 * level_kwh) AS above_75_percent
FROM out_event__baseline JOIN hour USING (event_id) WHERE rule_id LIKE 'pre_event_hour%'
GROUP BY site_id, event_id, level_kwh ORDER BY site_id DESC, event_id
