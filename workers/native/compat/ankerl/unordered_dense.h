// mediasoup bundles ankerl::unordered_dense, which Debian 12 does not package.
// Abseil's flat hash containers stand in for it. What differs:
// - absl's erase(iterator) returns nothing, since stepping on costs time that
//   most callers don't need; mediasoup's loops go on from the returned iterator.
// - ankerl's order is that of insertion, absl's is arbitrary; mediasoup doesn't rely on it.
// An absl erase leaves every other iterator and reference valid (ankerl's does
// not), so code that is right with ankerl is right here.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>

#include <iterator>
#include <utility>

namespace ankerl::unordered_dense
{
	template<typename T>
	using hash = absl::Hash<T>;

	namespace detail
	{
		template<typename Base>
		class Container : public Base
		{
		public:
			using Base::Base;
			// By key.
			using Base::erase;

			typename Base::iterator erase(typename Base::iterator it)
			{
				const auto next = std::next(it);
				Base::erase(it);

				return next;
			}

			// Nothing asks a const_iterator's erase() for its result.
			void erase(typename Base::const_iterator it)
			{
				Base::erase(it);
			}
		};
	} // namespace detail

	// Without a given hash, absl chooses its own: strings can then be looked up by string_view.
	template<typename Key, typename Value, typename... Hash>
	using map = detail::Container<absl::flat_hash_map<Key, Value, Hash...>>;

	template<typename Key, typename... Hash>
	using set = detail::Container<absl::flat_hash_set<Key, Hash...>>;
} // namespace ankerl::unordered_dense
