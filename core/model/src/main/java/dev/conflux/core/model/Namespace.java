package dev.conflux.core.model;

/** Where configs live: tenant, application, environment. Each obeys {@link Names}. */
public record Namespace(String tenant, String app, String env) implements Comparable<Namespace> {

    public Namespace {
        Names.check("tenant", tenant);
        Names.check("app", app);
        Names.check("env", env);
    }

    @Override
    public int compareTo(Namespace other) {
        int byTenant = tenant.compareTo(other.tenant);
        if (byTenant != 0) {
            return byTenant;
        }
        int byApp = app.compareTo(other.app);
        return byApp != 0 ? byApp : env.compareTo(other.env);
    }

    /** {@code tenant/app/env}. */
    @Override
    public String toString() {
        return tenant + '/' + app + '/' + env;
    }
}
