/* How mlkem-native is built behind pq_kem.h (its MLK_CONFIG_FILE): portable C,
 * one Keccak state at a time, no random source of its own, and a namespace for
 * each parameter set. No include guard: pq_kem_native.c reads it once per set,
 * with MLK_CONFIG_PARAMETER_SET defined. */
#undef MLK_CONFIG_NAMESPACE_PREFIX
#if MLK_CONFIG_PARAMETER_SET == 512
#define MLK_CONFIG_NAMESPACE_PREFIX pq_mlkem_native512
#elif MLK_CONFIG_PARAMETER_SET == 768
#define MLK_CONFIG_NAMESPACE_PREFIX pq_mlkem_native768
#else
#define MLK_CONFIG_NAMESPACE_PREFIX pq_mlkem_native1024
#endif

#undef MLK_CONFIG_NO_RANDOMIZED_API
#undef MLK_CONFIG_SERIAL_FIPS202_ONLY
#define MLK_CONFIG_NO_RANDOMIZED_API
#define MLK_CONFIG_SERIAL_FIPS202_ONLY
