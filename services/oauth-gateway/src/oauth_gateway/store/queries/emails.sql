-- The advertiser's e-mails, newest first, from below an id on. Only members have a name here: who left, or has not
-- accepted an invitation yet, is a user like any other advertiser's.
SELECT mail.email_id, mail.template, mail.recipient_user_id, member.name AS recipient_name,
       member.email AS recipient_address, store.shop_domain, mail.state, mail.failure, mail.attempts, mail.created_at,
       mail.due_at, mail.sent_at, mail.resent_at, mail.can_resend
FROM notify.emails_v1 AS mail
LEFT JOIN gateway.shopify_stores AS store ON store.id = mail.store_id
LEFT JOIN gateway.memberships AS membership
    ON membership.advertiser_id = mail.advertiser_id AND membership.user_id = mail.recipient_user_id
LEFT JOIN gateway.users AS member ON member.id = membership.user_id
WHERE mail.advertiser_id = :advertiser_id AND mail.email_id < :before
ORDER BY mail.email_id DESC
LIMIT :rows_max
