/* When the load was under 75% of the hour before, and its highest minute before and after, in
   local time. */
WITH settled AS (SELECT event_id, 60 * avg(adjusted_baseline_kwh) AS level_kw
    FROM out_event__baseline WHERE rule_id LIKE 'pre_event_hour%' GROUP BY event_id),
  minute AS (SELECT *, 60 * energy_kwh AS kw,
      strftime(interval_start_utc AT TIME ZONE 'America/Phoenix', '%H:%M') AS local
    FROM core_site__interval_energy JOIN raw_grid__events USING (site_id)
    JOIN settled USING (event_id))
SELECT event_id, min(local) FILTER (kw <= 0.75 * level_kw) AS first_within,
  max(local) FILTER (kw > 0.75 * level_kw AND interval_start_utc < event_start_utc) AS last_above,
  format('{:.1f}', max(kw) FILTER (interval_start_utc < event_start_utc)) AS max_kw_before,
  format('{:.1f}', max(kw) FILTER (interval_start_utc >= event_end_utc)) AS max_kw_after
FROM minute GROUP BY site_id, event_id ORDER BY site_id DESC, event_id
