/* Each event under each method: minutes above 75% of the level, and the reduction. */
SELECT event_id, split_part(rule_id, '@', 1) AS method, count(*) AS minutes,
  count(*) FILTER (metered_kwh > 0.75 * adjusted_baseline_kwh) AS above_75_percent,
  format('{:.2f}', 60 * avg(adjusted_baseline_kwh)) AS baseline_kw,
  format('{:.2f}', 60 * avg(metered_kwh)) AS metered_kw,
  format('{:.2f}', sum(reduction_kwh)) AS reduction_kwh,
  format('{:.1f}', 100 * sum(reduction_kwh) / sum(adjusted_baseline_kwh)) AS reduction_percent
FROM out_event__baseline GROUP BY site_id, event_id, rule_id
ORDER BY site_id DESC, event_id, rule_id DESC
