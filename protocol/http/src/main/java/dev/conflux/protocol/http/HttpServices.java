package dev.conflux.protocol.http;

import dev.conflux.base.observe.Metrics;
import dev.conflux.core.service.AuthService;
import dev.conflux.core.service.Authenticator;
import dev.conflux.core.service.Authorizer;
import dev.conflux.core.service.ClusterService;
import dev.conflux.core.service.ConfigService;
import dev.conflux.core.service.FetchService;
import dev.conflux.core.service.GcService;
import dev.conflux.core.service.PublishService;
import dev.conflux.core.service.ReadGate;
import dev.conflux.core.service.ReleaseService;
import dev.conflux.core.service.RolloutService;
import dev.conflux.core.service.ScheduleService;
import dev.conflux.core.service.SearchService;
import dev.conflux.core.service.TrashService;
import dev.conflux.core.service.VersionService;
import dev.conflux.core.service.WatchService;

/** Everything that HTTP serves; all of it stays the composer's to close. */
public record HttpServices(
        Authenticator authenticator,
        AuthService auth,
        Authorizer authorizer,
        ReadGate gate,
        FetchService fetch,
        ConfigService configs,
        VersionService versions,
        ReleaseService releases,
        PublishService publish,
        ScheduleService schedules,
        RolloutService rollouts,
        WatchService watch,
        ClusterService cluster,
        GcService gc,
        TrashService trash,
        SearchService search,
        Metrics metrics) {}
