package dev.conflux.core.service;

class InMemoryMetadataStoreTest extends MetadataStoreContract {

    private final InMemoryMetadataStore store = new InMemoryMetadataStore();

    @Override
    protected MetadataStore store() {
        return store;
    }

    @Override
    protected MetadataStore sameDatabase() {
        return store;
    }

    @Override
    protected void deactivate(MetadataStore.User user) {
        store.put(new MetadataStore.User(
                user.id(), user.username(), user.passwordHash(), false, user.superAdmin(), user.createdAt()));
    }
}
