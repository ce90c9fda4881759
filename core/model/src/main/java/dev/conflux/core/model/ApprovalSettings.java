package dev.conflux.core.model;

import org.jspecify.annotations.Nullable;

/** Whether a release of this config needs somebody else's consent, and who is told. */
public record ApprovalSettings(boolean required, @Nullable String webhookId) {

    public static final ApprovalSettings NONE = new ApprovalSettings(false, null);
}
