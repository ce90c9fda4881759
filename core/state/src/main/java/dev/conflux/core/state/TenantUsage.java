package dev.conflux.core.state;

/** What a tenant stores now, counted inside apply. */
public record TenantUsage(long configs, long versions, long contentBytes) {

    public static final TenantUsage NONE = new TenantUsage(0, 0, 0);

    TenantUsage plus(long moreConfigs, long moreVersions, long moreBytes) {
        return new TenantUsage(configs + moreConfigs, versions + moreVersions, contentBytes + moreBytes);
    }
}
