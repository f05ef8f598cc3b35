select
    customer_id,
    play_id,
    enrolled_on,
    revenue_before,
    purchase_revenue_in_window,
    recurring_revenue_in_window,
    revenue_in_window,
    margin_in_window,
    contacts_due,
    contacts_sent,
    contact_cost,
    offer_cost

from {{ ref('fct_play_enrollments') }}
where
    revenue_in_window <> purchase_revenue_in_window + recurring_revenue_in_window
    or abs(margin_in_window - revenue_in_window * {{ var('gross_margin') }}) > 0.01
    or recurring_revenue_in_window < 0
    or (purchases_before = 0 and revenue_before > 0)
    or (contacts_sent = 0 and contact_cost <> 0)
    -- an offer costs only what a customer redeems to whom it was sent and who has converted
    or (offer_cost > 0 and (not is_converted or contacts_sent = 0))
